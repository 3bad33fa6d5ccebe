import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { whyNoFile } from '../../shared/files/no-file.ts';
import { NOT_UTF8, readText } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { readService } from '../../shared/registry/read-service.ts';
import type { ServiceDefinition } from '../../shared/registry/service.ts';

/** A service of a file, and where it stands there. */
export type FileService = { readonly definition: ServiceDefinition; readonly file: string };

const NAMES = /\.(json|toml)$/;

/**
 * Reads the services of a file, or of every `.json` and `.toml` file of a folder. A file holds one service, or several
 * in a list `services`. Errors: `invalid_setting` with the file and the place in it.
 */
export function readServiceFiles(path: string): FileService[] {
  const found = filesOf(path).flatMap(readFile);
  const byId = new Map<string, FileService>();
  for (const service of found) {
    const { id } = service.definition;
    const other = byId.get(id);
    if (other !== undefined) throw wrong(service.file, `the service ${id} is defined in ${other.file} already`);
    byId.set(id, service);
  }
  return found;
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => NAMES.test(name));
    return names
      .sort()
      .map((name) => join(path, name))
      .map(asFile);
  } catch (error) {
    throw error instanceof Problem ? error : unreadable(error);
  }
}

/** One that is named may be a pipe, such as a shell makes of what a program prints; nobody writes into one that lies in a folder. */
function asFile(file: string): string {
  const why = whyNoFile(statSync(file));
  if (why !== undefined) throw wrong(file, why);
  return file;
}

function readFile(file: string): FileService[] {
  const content = parseFile(file);
  const isList = typeof content === 'object' && content !== null && 'services' in content;
  const { services: list, ...more } = (isList ? content : { services: [content] }) as Record<string, unknown>;
  if (!Array.isArray(list)) throw wrong(file, 'services must be a list');
  const [other] = Object.keys(more);
  if (other !== undefined) throw wrong(file, `${other} stands beside the list of services; put it into one of them`);
  return list.map((value, index) => {
    try {
      return { file, definition: readService(value) };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      throw wrong(isList ? `${file}, services.${index}` : file, error.message);
    }
  });
}

function parseFile(file: string): unknown {
  const text = readText(bytesOf(file));
  if (text === undefined) throw wrong(file, NOT_UTF8);
  try {
    if (file.endsWith('.toml')) return parse(text, { unsafeKeyBehaviour: 'throw' });
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof TomlError) {
      const [reason = ''] = error.message.replace('Invalid TOML document: ', '').split('\n');
      throw wrong(`${file}:${error.line}:${error.column}`, `this is not TOML: ${reason}`);
    }
    if (error instanceof SyntaxError) throw wrong(placeIn(file, text, error), 'this is not JSON');
    throw error;
  }
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(error);
  }
}

/** Line and column as editors count them, where the parser tells how far it came. */
function placeIn(file: string, text: string, { message }: SyntaxError): string {
  const at = /at position (\d+)/.exec(message)?.[1];
  if (at === undefined) return file;
  const before = text.slice(0, Number(at)).split('\n');
  return `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

function unreadable(error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error);
  return new Problem('invalid_setting', `The services of relay.services cannot be read: ${reason}.`, { cause: error });
}

function wrong(place: string, sentence: string): Problem {
  return new Problem('invalid_setting', `${place}: ${sentence.replace(/\.$/, '')}.`);
}
