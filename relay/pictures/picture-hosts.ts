/** Which hosts pictures may be fetched from; names are without a dot at their end. */
export type PictureHosts = (host: string) => boolean;

/** Of names, `*.example.com` for every name below one, and `*` for every host of the internet. None when there is none. */
export function createPictureHosts(patterns: readonly string[]): PictureHosts {
  const wanted = patterns.map((pattern) => pattern.toLowerCase());
  const names = new Set(wanted);
  const below = wanted.filter((pattern) => pattern.startsWith('*.')).map((pattern) => pattern.slice(1));
  return (host) => names.has('*') || names.has(host) || below.some((suffix) => host.endsWith(suffix));
}
