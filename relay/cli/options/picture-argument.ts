import { readFile } from 'node:fs/promises';
import { Problem } from '../../../shared/problems/problem.ts';
import { readImageHead } from '../../../shared/runtimes/media/image-head.ts';

/**
 * The address of a picture that was named on a command line: an https address as it is, a file as a data URL. Errors:
 * `invalid_option` for a file that cannot be read, `unsupported_media` and `invalid_image`.
 */
export async function pictureUrl(place: string): Promise<string> {
  if (/^https:\/\//i.test(place)) return place;
  const bytes = await readFile(place).catch((error: Error) => {
    throw new Problem('invalid_option', `The picture cannot be read: ${error.message}.`, { cause: error });
  });
  const { form } = readImageHead(bytes);
  return `data:image/${form};base64,${bytes.toString('base64')}`;
}
