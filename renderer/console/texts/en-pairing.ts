/** What the page of pairing says. */
export const EN_PAIRING = {
  pairing: {
    make: 'Let a node in',
    intro: 'A code lets one machine in, within ten minutes. Run the command there, or open the page in its browser.',
    makeIt: 'Make a code',
    makeAnother: 'Make another code',
    byCommand: 'On the machine',
    byPage: 'In its browser',
    byLink: 'As a link',
    noPage:
      'A browser there cannot be a node: it keeps no key for a page that came over plain HTTP. With “sparewatt relay --tls --browser-nodes”, or a proxy with a certificate, it can.',
    qr: 'QR code of the invitation',
    onlyHere:
      'This relay listens to its own machine alone. For others start it with --host 0.0.0.0, or say its address with --public-url.',
    waits: 'Waiting for the node… The code ends',
    arrived: 'It has joined:',
    expired: 'This code has ended. Make another.',
    pending: 'Nodes that wait for your approval',
    codes: 'Codes of the last day',
    heads: ['Code', 'State', 'Made', 'Used by'],
    states: { open: 'Open', used: 'Used', expired: 'Ended' },
    none: 'No code was made in the last day.',
    noneHint: 'Codes are shown once, when they are made; here is what became of them.',
    withdraw: (when: string) => `Withdraw (ends ${when})`,
  },
};
