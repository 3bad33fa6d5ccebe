/** Where multicast DNS is spoken. */
export type MdnsNetwork = {
  /** IPv4 address of one interface; all of them when absent. */
  readonly interface?: string;
  readonly port: number;
};

export const MDNS_PORT = 5_353;

/** Reads `192.168.1.20` or `192.168.1.20:5353`; nothing means every interface. */
export function parseMdnsNetwork(text: string | undefined): MdnsNetwork {
  if (text === undefined) return { port: MDNS_PORT };
  const [address = '', port] = text.split(':');
  return { interface: address, port: port === undefined ? MDNS_PORT : Number(port) };
}

/** The options of a multicast DNS socket. It is bound to every address, because one bound to its own hears no multicast. */
export function mdnsSocketOptions({ port, interface: address }: MdnsNetwork): {
  port: number;
  bind: string;
  interface?: string;
} {
  return { port, bind: '0.0.0.0', ...(address === undefined ? {} : { interface: address }) };
}
