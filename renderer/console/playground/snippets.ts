import { type CallPath, SNIPPET_FORMS, type SnippetForm } from './snippet-forms.ts';

export const LANGUAGES = ['curl', 'JavaScript', 'Python'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What is asked, and where. With a `file`, which lies beside the program, it is sent as a form; else as JSON. */
export type ModelCall = { path: CallPath; body: object; file?: string };

/** The same request as a program that one can copy. The key is left to the environment and never in it. */
export function snippetOf(language: Language, call: ModelCall, origin: string): string {
  const form: SnippetForm = SNIPPET_FORMS[call.path];
  if (language === 'curl') return curlOf(call, form, origin);
  return (language === 'JavaScript' ? javaScriptOf(call, form, origin) : pythonOf(call, form, origin)).join('\n');
}

function curlOf({ path, body, file }: ModelCall, { curlOptions, curlEnd }: SnippetForm, origin: string): string {
  const parts =
    file === undefined
      ? [`-H 'Content-Type: application/json'`, `-d ${shellQuoted(JSON.stringify(body, null, 2))}`]
      : [`-F ${shellQuoted(`file=@${curlQuoted(file)}`)}`, ...Object.entries(body).flatMap(curlFields)];
  const lines = [
    `curl ${curlOptions ?? ''}${origin}${path}`,
    `-H "Authorization: Bearer $SPAREWATT_API_KEY"`,
    ...parts,
  ];
  return `${lines.join(' \\\n  ')}${curlEnd ?? ''}`;
}

/** Literally: a text that begins with an @ would be taken for a file. */
function curlFields([name, value]: [string, unknown]): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => curlFields([`${name}[]`, each]));
  return [`--form-string ${shellQuoted(`${name}=${value}`)}`];
}

/** The name of a file as `-F` reads it; a bare - would be what is typed. */
function curlQuoted(name: string): string {
  return `"${(name === '-' ? './-' : name).replaceAll(/["\\]/g, '\\$&')}"`;
}

function javaScriptOf({ path, body, file }: ModelCall, form: SnippetForm, origin: string): string[] {
  const members = javaScriptObject(body, file);
  return [
    ...(form.javaScriptImports ?? []),
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.SPAREWATT_API_KEY });`,
    form.method === undefined
      ? `const answer = await client.post(${quoted(belowV1(path))}, { body: ${members} });`
      : `const answer = await client.${form.method}(${members});`,
    ...form.javaScript(body),
  ];
}

function javaScriptObject(body: object, file: string | undefined): string {
  if (file === undefined) return JSON.stringify(body, null, 2);
  const members = Object.entries(body).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${[`  "file": createReadStream(${JSON.stringify(file)})`, ...members].join(',\n')}\n}`;
}

function pythonOf({ path, body, file }: ModelCall, form: SnippetForm, origin: string): string[] {
  const [known, extra] = partsOf(body, form.notInPython ?? []);
  const members = [
    ...(file === undefined ? [] : [`file=open(${JSON.stringify(file)}, "rb"),`]),
    ...known.map(([name, value]) => `${name}=${pythonText(value)},`),
    ...(extra.length === 0 ? [] : [`extra_body=${JSON.stringify(Object.fromEntries(extra))},`]),
  ];
  const bare = [`${JSON.stringify(belowV1(path))},`, 'cast_to=object,', `body=${JSON.stringify(body, null, 2)},`];
  const given = form.method === undefined ? bare : members;
  return [
    'import os',
    ...(form.pythonImports ?? []),
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["SPAREWATT_API_KEY"])`,
    `answer = client.${form.method ?? 'post'}(`,
    ...given.map((line) => `    ${line.replaceAll('\n', '\n    ')}`),
    ')',
    ...form.python(body),
  ];
}

type Members = [string, unknown][];

/** Members that the client of OpenAI has an argument for, and those that it passes on. */
function partsOf(body: object, names: readonly string[]): [known: Members, extra: Members] {
  const all = Object.entries(body);
  return [all.filter(([name]) => !names.includes(name)), all.filter(([name]) => names.includes(name))];
}

/** The client's addresses begin there. */
function belowV1(path: CallPath): string {
  return path.slice('/v1'.length);
}

function quoted(text: string): string {
  return `'${text}'`;
}

/** One word of a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON is Python but for three words, and those are only looked for outside of texts. */
function pythonText(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null) return 'None';
  return JSON.stringify(value);
}
