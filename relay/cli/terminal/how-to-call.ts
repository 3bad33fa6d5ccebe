import { COMMAND } from '../own-command.ts';
import { quoted } from './next-step.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';

/** What to call, and with what. `model` is any that answers chats. */
type Called = { url: string; apiKey: string; model: string };

/** Ways to call a relay that work when pasted as they are; tests run both. Nothing in them is coloured. Last, where to see it work. */
export function howToCall(
  relay: Called & { adminToken: string },
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

function bodyOf({ model }: Called): string {
  return JSON.stringify({ model: printable(model), messages: [{ role: 'user', content: 'What is 17 + 25?' }] });
}

function curlLine(called: Called): string {
  const { url, apiKey } = called;
  return `curl ${url}/v1/chat/completions -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" -d ${quoted(bodyOf(called))}`;
}

/** The shells of Windows take the quotes out of what curl is to send. */
function powerShellLine(called: Called): string {
  const { url, apiKey } = called;
  const headers = `@{ Authorization = 'Bearer ${apiKey}' }`;
  return `Invoke-RestMethod ${url}/v1/chat/completions -Method Post -Headers ${headers} -ContentType application/json -Body '${bodyOf(called).replaceAll("'", "''")}' | ConvertTo-Json -Depth 9`;
}

function openaiSnippet({ url, apiKey, model }: Called): string {
  return `import OpenAI from 'openai';
const client = new OpenAI({ baseURL: '${url}/v1', apiKey: '${apiKey}' });
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(printable(model))},
  messages: [{ role: 'user', content: 'What is 17 + 25?' }],
});
console.log(answer.choices[0].message.content);`;
}
