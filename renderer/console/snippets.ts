export const LANGUAGES = ['curl', 'JavaScript', 'Python'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What is asked, and where; the client of OpenAI has a name for each place. */
export type ModelCall = { path: keyof typeof FORMS; body: object };

type Form = {
  /** Of the client, in both languages. */
  method: string;
  curlOptions: string;
  /** What is done with `answer`. */
  javaScript: readonly string[];
  python: readonly string[];
};

const FORMS = {
  '/v1/chat/completions': {
    method: 'chat.completions.create',
    // Each word as it comes.
    curlOptions: '-N ',
    javaScript: ["for await (const chunk of answer) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');"],
    python: [
      'for chunk in answer:',
      '    if chunk.choices:',
      '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
    ],
  },
  '/v1/embeddings': {
    method: 'embeddings.create',
    curlOptions: '',
    javaScript: ['for (const { embedding } of answer.data) console.log(embedding.length, embedding.slice(0, 4));'],
    python: ['for item in answer.data:', '    print(len(item.embedding), item.embedding[:4])'],
  },
} satisfies Record<string, Form>;

/** The same request as a program that one can copy. The key is left to the environment and never in it. */
export function snippetOf(language: Language, { path, body }: ModelCall, origin: string): string {
  const form: Form = FORMS[path];
  switch (language) {
    case 'curl':
      return [
        `curl ${form.curlOptions}${origin}${path} \\`,
        `  -H "Authorization: Bearer $SPAREWATT_API_KEY" \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d ${shellQuoted(JSON.stringify(body, null, 2))}`,
      ].join('\n');
    case 'JavaScript':
      return [
        "import OpenAI from 'openai';",
        '',
        `const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: process.env.SPAREWATT_API_KEY });`,
        `const answer = await client.${form.method}(${JSON.stringify(body, null, 2)});`,
        ...form.javaScript,
      ].join('\n');
    case 'Python':
      return [
        'import os',
        'from openai import OpenAI',
        '',
        `client = OpenAI(base_url="${origin}/v1", api_key=os.environ["SPAREWATT_API_KEY"])`,
        `answer = client.${form.method}(`,
        ...Object.entries(body).map(([name, value]) => `    ${name}=${pythonText(value)},`),
        ')',
        ...form.python,
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
