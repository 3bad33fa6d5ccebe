import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { HeldFile, JobInput } from '../../../shared/protocol/messages.ts';
import { CAPABILITY_TYPES, type JobType, TOOL_TYPES } from '../../../shared/protocol/subjects.ts';
import { isObject, type JsonSchema } from '../../../shared/registry/json-schema.ts';
import type { ServiceDefinition } from '../../../shared/registry/service.ts';
import { fetchingFiles, type Routing } from '../../scheduler/routing.ts';
import type { RelayServices } from '../../services.ts';
import type { FileRecord } from '../../store/file-store.ts';

/** As base64 within a message of the bus, with room for the rest of the request. */
const INLINE_MOST_BYTES = 5 * 1024 * 1024;

/** A call as its client made it, and what a node is asked for it. */
export type AskedInput = { readonly asked: Readonly<Record<string, unknown>>; readonly input: JobInput };

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
 * What a node is told of the file in an input. A program's node fetches it and is told its digest, so that the receipt
 * covers the content. Every other runtime gets the content itself: in the message, or where it is too large for one by
 * its node, which fetches it into the place where digest and size stand (SPEC F6). Errors: `file_not_found`,
 * `file_too_large`.
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
  const most = mostBytesOf(schema, member, type);
  if (file.sizeBytes > most) {
    const sentence = `This service reads files of up to ${most} bytes, and this has ${file.sizeBytes}. Send a smaller one, or a part.`;
    throw new Problem('file_too_large', sentence, { param: 'file_id' });
  }
  const { file_id: _, ...rest } = input;
  if (file.sizeBytes > INLINE_MOST_BYTES) {
    const held: HeldFile = { sha256: file.sha256, bytes: file.sizeBytes };
    return { ...rest, [member]: held };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await services.files.read(file)) chunks.push(chunk as Uint8Array);
  return { ...rest, [member]: Buffer.concat(chunks).toString('base64') };
}

/** Whether what a node is asked only stands for the file of the call. */
export function holdsFile({ input: schema }: ServiceDefinition, { asked, input }: AskedInput): boolean {
  const member = fileMember(schema);
  return member !== undefined && typeof asked.file_id === 'string' && isObject((input as JsonSchema)[member]);
}

/** What a call wants of its node: beside the caller's wishes, that it fetches a file which is not in the message. */
export function routingFor(service: ServiceDefinition, call: AskedInput, wished: Routing): Routing {
  return holdsFile(service, call) ? fetchingFiles(wished) : wished;
}

/** What the member itself takes, and at most what a node fetches; kernels are bounded by what a message brings back. */
function mostBytesOf({ properties }: JsonSchema, member: string, type: JobType): number {
  const schema = isObject(properties) ? properties[member] : undefined;
  const { maxLength } = isObject(schema) ? schema : {};
  const own = typeof maxLength === 'number' ? Math.floor(maxLength / 4) * 3 : Number.POSITIVE_INFINITY;
  const isFetched = (CAPABILITY_TYPES as readonly string[]).includes(type);
  return Math.min(own, isFetched ? LIMITS.maxRecordingBytes : INLINE_MOST_BYTES);
}

/** The member that takes the same file as base64; a service without one has no files. */
function fileMember({ properties }: JsonSchema): string | undefined {
  if (!isObject(properties) || !('file_id' in properties)) return undefined;
  return Object.entries(properties).find(([, schema]) => isObject(schema) && schema.contentEncoding === 'base64')?.[0];
}
