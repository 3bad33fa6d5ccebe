import { connect } from '@nats-io/transport-node';
import Fastify from 'fastify';

// Asks the bus of its argument and sends what it answers.
const connection = await connect({ servers: process.argv[2] ?? '', noAsyncTraces: true });
const app = Fastify({ forceCloseConnections: true });
app.post('/', async (request) => (await connection.request('echo', JSON.stringify(request.body))).json());
process.once('disconnect', async () => {
  await app.close();
  await connection.close();
});
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
