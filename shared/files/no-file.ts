/** What `stat` says of a place, as far as it matters here. */
type Place = { isFile(): boolean; isDirectory(): boolean; isFIFO(): boolean; isSocket(): boolean };

/**
 * What lies in the place of a file and is none, and what to do: the end of a sentence; undefined for a file. To be asked before the
 * place is opened: a pipe holds up whoever opens it until somebody writes there, and a device may never end.
 */
export function whyNoFile(place: Place): string | undefined {
  if (place.isFile()) return undefined;
  const kind = place.isDirectory() ? 'folder' : place.isFIFO() ? 'pipe' : place.isSocket() ? 'socket' : 'device';
  return `it is a ${kind}. Move it away`;
}
