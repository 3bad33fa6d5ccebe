import { connect, jwtAuthenticator } from 'nats.ws';

// A node on the bus in a process of its own, so that it can be killed or frozen. Arguments: url, jwt, seed.
const [servers = '', jwt = '', seed = ''] = process.argv.slice(2);
const authenticator = jwtAuthenticator(jwt, new TextEncoder().encode(seed));
const connection = await connect({ servers, authenticator, name: 'somebody-else', reconnect: false });
process.on('message', async (subject) => {
  connection.subscribe(String(subject), { callback: () => {} });
  await connection.flush();
  process.send?.('subscribed');
});
process.send?.('connected');
