import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeQR } from 'qr/decode.js';
import { parsePairLink } from '../../../main/links/pair-link.ts';
import { qrCode } from '../../../relay/cli/terminal/qr-code.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { invitationIn } from '../../../renderer/qr/invitation-in.ts';
import { pairingLink } from '../../../shared/identity/pairing-link.ts';
import { pixelsOfTerminal } from '../../support/code-pictures.ts';

const INVITATION = {
  code: 'K7QF-2M9X-HB4T',
  relayUrl: 'https://relay.example:8443',
  relayKey: createNKey('server').publicKey,
  authority: 'a'.repeat(43),
};

test('what the command prints is the link to the letter, in a dark terminal and in a light one', () => {
  const link = pairingLink(INVITATION);
  for (const isDark of [true, false]) {
    const read = decodeQR(pixelsOfTerminal(qrCode(link), isDark));
    assert.equal(read, link);
    assert.deepEqual(parsePairLink(read), INVITATION);
  }
});

test('finds the invitation among other codes, and names its relay by its address alone', () => {
  const link = pairingLink(INVITATION);
  assert.deepEqual(invitationIn(['https://example.com', ` ${link}\n`]), { text: link, relayUrl: INVITATION.relayUrl });
  assert.deepEqual(invitationIn(['k7qf 2m9x hb4t']), { text: 'k7qf 2m9x hb4t', relayUrl: undefined });
  for (const other of ['', 'WIFI:S:attic;P:secret;;', 'https://relay.example/join', 'javascript:alert(1)', '\u0000']) {
    assert.equal(invitationIn([other]), undefined, other);
  }
});
