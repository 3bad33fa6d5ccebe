import { Problem } from '../../../shared/problems/problem.ts';
import { type JobType, TOOL_TYPES } from '../../../shared/protocol/subjects.ts';
import { isObject, type JsonSchema } from '../../../shared/registry/json-schema.ts';
import type { ServiceDefinition } from '../../../shared/registry/service.ts';
import type { RelayServices } from '../../services.ts';
import type { FileRecord } from '../../store/file-store.ts';

/** As base64 within a message of the bus, with room for the rest of the request. */
const INLINE_MOST_BYTES = 5 * 1024 * 1024;

export function isToolType(type: string): boolean {
  return (TOOL_TYPES as readonly string[]).includes(type);
}

/** The files of the caller that an input names. Errors: `file_not_found`. */
export async function inputFiles(
  input: Readonly<Record<string, unknown>>,
  client: string,
  { files }: Pick<RelayServices, 'files'>,
): Promise<FileRecord[]> {
  return typeof input.file_id === 'string' ? [await files.find(input.file_id, client, 'file_id')] : [];
}

/**
 * What a node is told of the file in an input: a program's node fetches it and is told its digest, so that the receipt
 * covers the content; every other runtime gets the content itself. Errors: `file_not_found`, `file_too_large`.
 */
export async function withFile(
  { input: schema }: ServiceDefinition,
  type: JobType,
  input: JsonSchema,
  client: string,
  services: Pick<RelayServices, 'files'>,
): Promise<JsonSchema> {
  const member = fileMember(schema);
  if (member === undefined || typeof input.file_id !== 'string') return input;
  const [file] = await inputFiles(input, client, services);
  if (file === undefined) return input;
  if (isToolType(type)) return { ...input, file_sha256: file.sha256 };
  if (file.sizeBytes > INLINE_MOST_BYTES) {
    throw new Problem('file_too_large', `This service reads files of up to ${INLINE_MOST_BYTES} bytes. Send a part.`, {
      param: 'file_id',
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await services.files.read(file)) chunks.push(chunk as Uint8Array);
  const { file_id: _, ...rest } = input;
  return { ...rest, [member]: Buffer.concat(chunks).toString('base64') };
}

/** The member that takes the same file as base64; a service without one has no files. */
function fileMember({ properties }: JsonSchema): string | undefined {
  if (!isObject(properties) || !('file_id' in properties)) return undefined;
  return Object.entries(properties).find(([, schema]) => isObject(schema) && schema.contentEncoding === 'base64')?.[0];
}
