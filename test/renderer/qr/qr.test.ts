import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeQR } from 'qr/decode.js';
import sharp from 'sharp';
import { parsePairLink } from '../../../main/links/pair-link.ts';
import { qrCode } from '../../../relay/cli/qr-code.ts';
import { createNKey } from '../../../relay/fabric/nkey.ts';
import { invitationIn } from '../../../renderer/qr/invitation-in.ts';
import { pictureSize } from '../../../renderer/qr/picture-size.ts';
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

test('knows how large a picture is from its head, and knows no picture that ends before', async () => {
  const picture = sharp({ create: { width: 617, height: 301, channels: 3, background: '#123456' } });
  const transparent = picture.clone().ensureAlpha(0.5);
  const files = {
    png: await picture.clone().png().toBuffer(),
    jpeg: await picture.clone().withMetadata({ density: 300 }).jpeg().toBuffer(),
    progressive: await picture.clone().jpeg({ progressive: true }).toBuffer(),
    lossy: await picture.clone().webp().toBuffer(),
    lossless: await picture.clone().webp({ lossless: true }).toBuffer(),
    extended: await transparent.webp({ quality: 50 }).toBuffer(),
  };
  for (const [kind, file] of Object.entries(files)) {
    assert.deepEqual(pictureSize(new Uint8Array(file)), { width: 617, height: 301 }, kind);
    assert.equal(pictureSize(new Uint8Array(file.subarray(0, 12))), undefined, kind);
  }
  const others = [await picture.clone().gif().toBuffer(), Buffer.from('<svg width="9" height="9"/>'), Buffer.alloc(64)];
  for (const other of others) assert.equal(pictureSize(new Uint8Array(other)), undefined);
});

test('reads no size for ever or beyond the end of bytes that mean nothing', () => {
  const random = (seed: number) => (Math.imul(seed, 2_654_435_761) >>> 13) & 0xff;
  for (let seed = 1; seed < 2_000; seed++) {
    const bytes = Uint8Array.from({ length: seed % 97 }, (_, index) => random(seed * 131 + index));
    bytes.set([0xff, 0xd8, 0xff].slice(0, bytes.length));
    const size = pictureSize(bytes);
    assert.ok(size === undefined || size.width + size.height >= 0);
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
