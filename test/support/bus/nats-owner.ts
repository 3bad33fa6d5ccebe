import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../../relay/fabric/bus/bus-identity.ts';
import { findNatsBinary } from '../../../relay/fabric/nats-server/nats-binary.ts';
import { startNatsServer } from '../../../relay/fabric/nats-server/nats-server.ts';
import { collectLog } from '../log.ts';

// A process that owns a nats-server in the data folder of its first argument, until it is killed or told to stop. The second says
// how many seconds the server may go on without it, or `for ever`.
const log = collectLog();
const dataFolder = openDataFolder(process.argv[2] ?? '', { log });
const identity = readOrCreateBusIdentity(dataFolder);
const given = process.argv[3];
const linger = given === undefined ? {} : { lingerS: given !== 'for ever' && Number(given) };
const server = await startNatsServer({ dataFolder, identity, binary: await findNatsBinary(), log, ...linger });
process.send?.({ pid: server.pid, url: server.url, websocketUrl: server.websocketUrl, adopted: server.adopted });
process.on('message', async () => {
  await server.stop();
  process.send?.('stopped');
});
