/** How each route of the playground is asked from a program. */

export type SnippetForm = {
  /** Of OpenAI's client, in both languages; what it has no name for is asked by its path. */
  method?: string;
  curlOptions?: string;
  /** Where the answer goes. */
  curlEnd?: string;
  javaScriptImports?: readonly string[];
  pythonImports?: readonly string[];
  /** Members for which the method has no argument in Python. */
  notInPython?: readonly string[];
  /** What is done with `answer`. */
  javaScript(body: object): readonly string[];
  python(body: object): readonly string[];
};

const CHAT: SnippetForm = {
  method: 'chat.completions.create',
  // Each word as it comes.
  curlOptions: '-N ',
  javaScript: () => ["for await (const chunk of answer) process.stdout.write(chunk.choices[0]?.delta?.content ?? '');"],
  python: () => [
    'for chunk in answer:',
    '    if chunk.choices:',
    '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
  ],
};

const EMBEDDINGS: SnippetForm = {
  method: 'embeddings.create',
  javaScript: () => ['for (const { embedding } of answer.data) console.log(embedding.length, embedding.slice(0, 4));'],
  python: () => ['for item in answer.data:', '    print(len(item.embedding), item.embedding[:4])'],
};

const RERANK: SnippetForm = {
  javaScript: () => ['for (const { index, relevance_score } of answer.results) console.log(index, relevance_score);'],
  python: () => ['for item in answer["results"]:', '    print(item["index"], item["relevance_score"])'],
};

const IMAGES: SnippetForm = {
  method: 'images.generate',
  // What is refused is said, and not written down as a picture.
  curlOptions: '-sSf ',
  curlEnd: [
    ' |',
    `  grep -o '"b64_json":"[^"]*' | cut -d '"' -f 4 |`,
    '  (n=0; while read -r picture; do n=$((n+1)); printf %s "$picture" | base64 -d > "picture-$n.png"; done)',
  ].join('\n'),
  javaScriptImports: ["import { writeFile } from 'node:fs/promises';"],
  javaScript: () => [
    'for (const [place, { b64_json }] of answer.data.entries()) {',
    `  await writeFile('picture-' + (place + 1) + '.png', b64_json, 'base64');`,
    '}',
  ],
  pythonImports: ['from base64 import b64decode'],
  notInPython: ['seed'],
  python: () => [
    'for number, picture in enumerate(answer.data, 1):',
    '    with open(f"picture-{number}.png", "wb") as file:',
    '        file.write(b64decode(picture.b64_json))',
  ],
};

const SPEECH: SnippetForm = {
  method: 'audio.speech.create',
  curlOptions: '-sSf -o speech.wav ',
  javaScriptImports: ["import { writeFile } from 'node:fs/promises';"],
  javaScript: () => ["await writeFile('speech.wav', Buffer.from(await answer.arrayBuffer()));"],
  python: () => ['answer.write_to_file("speech.wav")'],
};

const TRANSCRIPTIONS: SnippetForm = {
  method: 'audio.transcriptions.create',
  curlOptions: '-N ',
  javaScriptImports: ["import { createReadStream } from 'node:fs';"],
  javaScript: (body) =>
    'stream' in body
      ? ["for await (const event of answer) if ('delta' in event) process.stdout.write(event.delta);"]
      : ['console.log(answer.text);', ...timesOf(body).javaScript],
  python: (body) =>
    'stream' in body
      ? [
          'for event in answer:',
          '    if event.type == "transcript.text.delta":',
          '        print(event.delta, end="", flush=True)',
        ]
      : ['print(answer.text)', ...timesOf(body).python],
};

const TRANSLATIONS: SnippetForm = {
  ...TRANSCRIPTIONS,
  method: 'audio.translations.create',
  notInPython: ['language', 'timestamp_granularities'],
};

/** A part of what was said and its times, where they were asked for. */
function timesOf({ timestamp_granularities: [wanted] = [] }: { timestamp_granularities?: readonly string[] }) {
  if (wanted === undefined) return { javaScript: [], python: [] };
  const [list, text] = wanted === 'word' ? ['words', 'word'] : ['segments', 'text'];
  return {
    javaScript: [`for (const { start, end, ${text} } of answer.${list} ?? []) console.log(start, end, ${text});`],
    python: [`for part in answer.${list} or []:`, `    print(part.start, part.end, part.${text})`],
  };
}

export const SNIPPET_FORMS = {
  '/v1/chat/completions': CHAT,
  '/v1/embeddings': EMBEDDINGS,
  '/v1/rerank': RERANK,
  '/v1/images/generations': IMAGES,
  '/v1/audio/speech': SPEECH,
  '/v1/audio/transcriptions': TRANSCRIPTIONS,
  '/v1/audio/translations': TRANSLATIONS,
} as const;

export type CallPath = keyof typeof SNIPPET_FORMS;
