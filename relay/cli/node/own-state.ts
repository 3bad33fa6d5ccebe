import { join } from 'node:path';
import { CONTROL_FOLDER, CONTROL_VERSION, type NodeStatus } from '../../../shared/control/control-protocol.ts';
import { askNode, findNodes } from './control-client.ts';

/** Why the node of this very process does no work now, as everybody on this machine may ask it; undefined where it does, or does not tell. */
export async function whyOwnNodeRests(dataFolder: string): Promise<string | undefined> {
  const status = await ownStatus(dataFolder).catch(() => undefined); // A machine where nobody can ask is a node all the same.
  return status?.contributing === false ? status.reason : undefined;
}

async function ownStatus(dataFolder: string): Promise<NodeStatus | undefined> {
  let status: NodeStatus | undefined;
  for (const node of await findNodes([join(dataFolder, CONTROL_FOLDER)])) {
    if (node.pid !== process.pid) {
      node.socket.destroy();
      continue;
    }
    for await (const answer of askNode(node, { version: CONTROL_VERSION, ask: 'status' })) {
      if (answer.answer === 'status') status = answer.status;
    }
  }
  return status;
}
