import type { BusConnection, ConnectToBus } from '../../shared/agent/nats-connection.ts';
import type { Bus, BusHandler } from '../fabric/bus/bus.ts';

/**
 * A node's line that runs over the relay's own connection, for nodes that have none. It does not outlive a loss of the
 * bus: whoever opened it ends it then.
 */
export function lineThrough(bus: Bus): ConnectToBus {
  return async () => {
    const closed = Promise.withResolvers<undefined>();
    const subscriptions: { close(): void }[] = [];
    let isOpen = true;
    const line: BusConnection = {
      publish: (subject, data) => {
        if (isOpen && bus.isConnected()) bus.publish(subject, data);
      },
      subscribe: (subject, handler) => {
        const hear: BusHandler = (subject, data, reply, trace) => handler({ subject, data, reply, trace });
        subscriptions.push(bus.subscribe(subject, hear));
      },
      flush: async () => undefined,
      reconnect: async () => undefined,
      probe: () => undefined,
      closed: closed.promise,
      close: async () => {
        isOpen = false;
        for (const subscription of subscriptions) subscription.close();
        closed.resolve(undefined);
      },
    };
    return line;
  };
}
