import {
  type CallToolResult,
  fromJsonSchema,
  type JsonSchemaType,
  McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { NodesToolArguments, NodesToolResult } from '../../shared/api/nodes-tool.ts';

export { createMcpHandler } from '@modelcontextprotocol/server';

export type NodesTool = (
  args: NodesToolArguments,
  line: { signal: AbortSignal; onProgress(sentence: string): void },
) => Promise<NodesToolResult>;

const NAME = 'nodes';
const ARGUMENTS = fromJsonSchema<NodesToolArguments>(NodesToolArguments as unknown as JsonSchemaType);
const RESULT = fromJsonSchema<NodesToolResult>(NodesToolResult as unknown as JsonSchemaType);

/** An MCP server with the one tool `nodes`; one serves one request. */
export function createMcpServer(version: string, runTool: NodesTool): McpServer {
  const server = new McpServer({ name: 'sparewatt', title: 'Sparewatt', version });
  const description =
    'Machines that lend their GPU: see which there are, how they are and what they can do, send one a task, and fetch its result.';
  const tool = server.registerTool(
    NAME,
    { title: 'Nodes', description, inputSchema: ARGUMENTS, outputSchema: RESULT },
    async (args: NodesToolArguments, context: ServerContext) => {
      const { signal } = context.mcpReq;
      const result = await runTool(args, { signal, onProgress: progressTo(context) });
      const text = result.success ? result.output : (result.error ?? '');
      return { content: [{ type: 'text', text }], structuredContent: result, isError: !result.success };
    },
  );
  // In place of the library's own, which answers an unknown tool with an error of the protocol: a model never sees that
  // one, and cannot correct itself.
  server.server.setRequestHandler('tools/call', async ({ params }, context) => {
    if (params.name !== NAME) return refusal(`There is no tool ${params.name} here. The only one is ${NAME}.`);
    const args = await ARGUMENTS['~standard'].validate(params.arguments ?? {});
    if (args.issues !== undefined)
      return refusal(`Invalid arguments for the tool ${NAME}: ${sentenceOf(args.issues)}.`);
    return (await tool.executor(args.value, context)) as CallToolResult;
  });
  return server;
}

function refusal(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}

function sentenceOf(issues: readonly { message: string }[]): string {
  return issues.map(({ message }) => message).join('; ');
}

/** Progress goes to whoever asked for it, numbered as it comes. */
function progressTo({ mcpReq }: ServerContext): (sentence: string) => void {
  const progressToken = mcpReq._meta?.progressToken;
  let progress = 0;
  return (message) => {
    if (progressToken === undefined) return;
    progress += 1;
    const params = { progressToken, progress, message };
    // Nobody may be left to hear it; the signal says so.
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
}
