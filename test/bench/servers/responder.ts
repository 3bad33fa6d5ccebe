import { connect } from 'nats.ws';

// Answers with what it was asked, over WebSocket as a node does.
const connection = await connect({ servers: process.argv[2] ?? '' });
connection.subscribe('echo', { callback: (_error, message) => void message.respond(message.data) });
await connection.flush();
process.once('disconnect', () => void connection.close());
process.send?.('ready');
