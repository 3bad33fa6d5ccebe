import { DEMO_CHAT_MODEL } from '../commands/chat.ts';
import { COMMAND } from '../own-command.ts';
import { out } from './style.ts';

/** Ways to call a relay that work when pasted as they are; tests run both. Nothing in them is coloured. Last, where to see it work. */
export function howToCall(
  relay: { url: string; apiKey: string; adminToken: string },
  platform: NodeJS.Platform = process.platform,
): string {
  const isWindows = platform === 'win32';
  return `${out.bold(isWindows ? 'Call it from PowerShell:' : 'Call it with curl:')}

${isWindows ? powerShellLine(relay) : curlLine(relay)}

${out.bold('or with the openai client')} (paste into ask.mjs in this folder, then: node ask.mjs):

${openaiSnippet(relay)}

${out.bold('or')}  ${COMMAND} chat "What is the capital of France?" --relay ${relay.url} --api-key ${relay.apiKey}

${out.bold('See it work:')}  ${relay.url}/console  (admin token ${relay.adminToken})

Ctrl-C stops the relay, the node and the NATS server.`;
}

const BODY = JSON.stringify({
  model: DEMO_CHAT_MODEL,
  messages: [{ role: 'user', content: 'What is 17 + 25?' }],
});

function curlLine({ url, apiKey }: { url: string; apiKey: string }): string {
  return `curl ${url}/v1/chat/completions -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" -d '${BODY}'`;
}

/** The shells of Windows take the quotes out of what curl is to send. */
function powerShellLine({ url, apiKey }: { url: string; apiKey: string }): string {
  const headers = `@{ Authorization = 'Bearer ${apiKey}' }`;
  return `Invoke-RestMethod ${url}/v1/chat/completions -Method Post -Headers ${headers} -ContentType application/json -Body '${BODY}' | ConvertTo-Json -Depth 9`;
}

function openaiSnippet({ url, apiKey }: { url: string; apiKey: string }): string {
  return `import OpenAI from 'openai';
const client = new OpenAI({ baseURL: '${url}/v1', apiKey: '${apiKey}' });
const answer = await client.chat.completions.create({
  model: '${DEMO_CHAT_MODEL}',
  messages: [{ role: 'user', content: 'What is 17 + 25?' }],
});
console.log(answer.choices[0].message.content);`;
}
