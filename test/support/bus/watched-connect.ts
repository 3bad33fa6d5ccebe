import { type ConnectToBus, connectToBus } from '../../../shared/agent/nats-connection.ts';

/** Counts how often the line to the bus went down, and tells where it leads. */
export function watchedConnect() {
  const seen = { down: 0, up: 0, directUrl: undefined as string | undefined };
  const connect: ConnectToBus = (options) => {
    seen.directUrl = options.directUrl;
    return connectToBus({
      ...options,
      onDown: () => {
        seen.down += 1;
        options.onDown();
      },
      onUp: () => {
        seen.up += 1;
        options.onUp();
      },
    });
  };
  return { seen, connect };
}
