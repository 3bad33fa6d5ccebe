import type { NatsConnection } from 'nats.ws';

/** What the server says to a subscription. Its error comes before the answer to a ping that follows. */
export async function subscriptionError(connection: NatsConnection, subject: string, queue?: string): Promise<string> {
  const refused = Promise.withResolvers<string>();
  connection.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (error) => refused.resolve(error === null ? 'a message came' : error.message),
  });
  await connection.flush();
  return Promise.race([refused.promise, new Promise<string>((resolve) => setImmediate(resolve, 'allowed'))]);
}

/** The same to a message. */
export async function publishError(connection: NatsConnection, subject: string): Promise<string> {
  const statuses = connection.status();
  const iterator = statuses[Symbol.asyncIterator]();
  const refused = iterator.next().then(({ value }) => String(value?.permissionContext ? value.data : value?.type));
  connection.publish(subject);
  await connection.flush();
  return Promise.race([
    refused.then((data) => (data === 'PERMISSIONS_VIOLATION' ? 'Permissions Violation' : data)),
    new Promise<string>((resolve) => setImmediate(resolve, 'allowed')),
  ]);
}
