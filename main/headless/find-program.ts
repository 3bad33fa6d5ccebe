import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where a search like the shell's finds a program; `path` as in the environment. */
export async function findProgram(name: string, path = process.env.PATH ?? ''): Promise<string | undefined> {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  for (const folder of path.split(delimiter)) {
    // An empty part means the current folder, which is nobody's place for tools.
    if (!isAbsolute(folder)) continue;
    const place = join(folder, file);
    const isThere = access(place, constants.X_OK).then(
      async () => (await stat(place)).isFile(),
      () => false,
    );
    if (await isThere) return place;
  }
  return undefined;
}
