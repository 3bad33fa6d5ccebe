import { randomUUID } from 'node:crypto';
import { startAgent } from '../../shared/agent/agent.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import type { NodeParts } from '../boot/desktop-host.ts';
import { describeSoftware, findTools } from '../headless/capabilities-software.ts';
import { createNodeCrypto } from '../headless/node-crypto.ts';
import { readOrCreateNodeKey } from '../headless/node-key.ts';
import { createNodeTls } from '../headless/node-tls.ts';
import { rememberingPins } from '../headless/relay-memory.ts';
import { relayPinsIn } from '../headless/relay-pins.ts';
import type { StartAgent } from './node-host.ts';

/** The node of the desktop app: the same agent as without a screen, with the boxes, the policy and the page of the app. */
export function startDesktopAgent(parts: NodeParts): StartAgent {
  const { boxes, departures } = parts;
  return async ({ relayUrl, name, invitation }) => {
    const identity = await readOrCreateNodeKey(boxes.box('node-key'));
    const pins = relayPinsIn(boxes.box('relay-pins'));
    return startAgent({
      relayUrl,
      name,
      version: parts.version,
      slots: parts.slots,
      hardware: await parts.hardware(),
      software: await describeSoftware(),
      tools: await findTools(),
      identity,
      crypto: createNodeCrypto(identity.seed),
      invitation,
      pins: rememberingPins(pins, boxes.box('relay'), { relay: relayUrl, name }),
      tls: createNodeTls(),
      machineTest: parts.machineTest,
      policy: parts.policy,
      runtime: parts.runtime,
      witness: parts.witness,
      connect: departures.connect(connectToBus),
      fetch: departures.fetch(globalThis.fetch),
      now: Date.now,
      randomId: randomUUID,
      log: parts.log,
    });
  };
}
