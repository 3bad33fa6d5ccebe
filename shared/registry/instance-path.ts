/** The place of a failed check as people read it: `/messages/0/content`, a JSON pointer (RFC 6901), is `messages.0.content`. */
export function dottedPath(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}

/** How deep inside the value that place is; of the failures of all branches the deepest says most. */
export function depthOf({ instancePath }: { readonly instancePath: string }): number {
  return instancePath.split('/').length;
}
