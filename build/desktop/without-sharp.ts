/** In place of sharp, which transformers.js demands in Node when it is loaded: models that see pictures run in the page. */

// biome-ignore lint/style/noDefaultExport: it stands for a package that has one.
export default function sharp(): never {
  throw new Error('There is nothing here that reads pictures.');
}
