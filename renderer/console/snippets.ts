import type { ChatOrder } from './chat-stream.ts';

export const LANGUAGES = ['curl', 'JavaScript', 'Python'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The same request as a program that one can copy. The key is left to the environment and never in it. */
export function snippetOf(language: Language, order: ChatOrder, origin: string): string {
  const body = { ...order, stream: true };
  switch (language) {
    case 'curl':
      return [
        `curl -N ${origin}/v1/chat/completions \\`,
        `  -H "Authorization: Bearer $SPAREWATT_API_KEY" \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d ${shellQuoted(JSON.stringify(body, null, 2))}`,
      ].join('\n');
    case 'JavaScript':
      return [
        "import OpenAI from 'openai';",
        '',
        `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.SPAREWATT_API_KEY });`,
        `const stream = await client.chat.completions.create(${JSON.stringify(body, null, 2)});`,
        "for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');",
      ].join('\n');
    case 'Python':
      return [
        'import os',
        'from openai import OpenAI',
        '',
        `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["SPAREWATT_API_KEY"])`,
        'stream = client.chat.completions.create(',
        ...Object.entries(body).map(([name, value]) => `    ${name}=${pythonText(value)},`),
        ')',
        'for chunk in stream:',
        '    if chunk.choices:',
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
      ].join('\n');
  }
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
