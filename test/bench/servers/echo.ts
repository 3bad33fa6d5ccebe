import Fastify from 'fastify';

// Sends every body back, read and written as JSON.
const app = Fastify();
app.post('/', async (request) => request.body);
process.once('disconnect', () => void app.close());
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }));
