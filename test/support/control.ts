import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ControlDesk } from '../../main/headless/control/control-desk.ts';
import { type Control, type ControlOptions, openControl } from '../../main/headless/control/control-server.ts';
import { rememberLog } from '../../main/headless/control/log-memory.ts';
import { findNodes } from '../../relay/cli/node/control-client.ts';
import { CONTROL_FOLDER, type ControlAnswer, type NodeStatus } from '../../shared/control/control-protocol.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { afterTest } from './after-test.ts';
import { collectLog } from './log.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const TEST_STATUS: NodeStatus = {
  kind: 'agent',
  version: '0.0.0-test',
  pid: process.pid,
  startedAt: 1,
  contributing: true,
  code: 'contributing',
  reason: 'Contributing',
  until: null,
  since: 1,
  wish: { state: 'contribute' },
  relay: { state: 'unpaired' },
  jobs: [],
  models: [],
};

/** An endpoint whose node is the test: it notes what is asked of it. */
export type TestControl = {
  readonly control: Control;
  readonly folder: string;
  readonly asked: string[];
  readonly log: ReturnType<typeof rememberLog>;
  /** What the endpoint itself has logged. */
  readonly said: string[];
  /** What `status` answers; an error is thrown. */
  status: NodeStatus | Error;
};

function noLedger(): never {
  throw new Problem('data_folder_unusable', 'Nothing is written down.');
}

export async function openTestControl(
  t: TestContext,
  options: Partial<ControlOptions & { ledger: ControlDesk['ledger'] }> = {},
): Promise<TestControl> {
  const dataFolder = options.dataFolder ?? temporaryFolder(t);
  const said = collectLog();
  const log = rememberLog(collectLog(), () => 0);
  const asked: string[] = [];
  const desk: ControlDesk = {
    status: () => {
      if (test.status instanceof Error) throw test.status;
      return test.status;
    },
    pause: (forMs) => void asked.push(`pause ${forMs}`),
    resume: () => void asked.push('resume'),
    finish: () => void asked.push('finish'),
    log,
    ledger: options.ledger ?? noLedger,
  };
  const control = await openControl({ dataFolder, desk, log: said, ...options });
  afterTest(t, control.close);
  const folder = join(dataFolder, CONTROL_FOLDER);
  const test: TestControl = { control, folder, asked, log, said: said.lines, status: TEST_STATUS };
  return test;
}

/** A program that knows nothing of the protocol. */
export type RawProgram = {
  readonly socket: Socket;
  /** All that it was told, once the node has ended the connection. */
  told(): Promise<ControlAnswer[]>;
};

export async function rawProgram(t: TestContext, address: string): Promise<RawProgram> {
  const socket = connect(address);
  afterTest(t, () => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  let text = '';
  const closed = new Promise((resolve) => socket.once('close', resolve));
  return {
    socket,
    told: async () => {
      socket.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      await closed;
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as ControlAnswer);
    },
  };
}

/** The pids of those who listen in a control folder. */
export async function listeners(folder: string): Promise<number[]> {
  const found = await findNodes([folder]);
  for (const { socket } of found) socket.destroy();
  return found.map(({ pid }) => pid);
}
