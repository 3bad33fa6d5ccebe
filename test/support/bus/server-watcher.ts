import { watchServer } from '../../../relay/fabric/nats-server/nats-server-watch.ts';
import { collectLog } from '../log.ts';

// A process that watches over another one, of that pid, configuration and record, until it is killed.
const [, , pid, config = '', record = ''] = process.argv;
watchServer({ pid: Number(pid), config, record, lingerS: 0, log: collectLog() });
process.on('message', () => undefined); // Keeps it alive.
process.send?.('watching');
