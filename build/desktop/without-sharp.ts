/** In place of sharp, which transformers.js demands in Node when it is loaded: no model on the processor sees pictures. */

// biome-ignore lint/style/noDefaultExport: it stands for a package that has one.
export default function sharp(): never {
  throw new Error('There is nothing here that reads pictures.');
}
