/** The parts of a policy that not all pages have. */
type PolicyParts = { images: string; media: string; microphone: string };

/**
 * What every page of ours is served with, by the relay as by the app: nothing but its own files, no inlined code or style,
 * no other origin, no frame around it. A model's WebAssembly is compiled, and threads share memory, only in a page that is
 * isolated from all others.
 */
export const PAGE_HEADERS = headersWith({ images: "'self' data:", media: "'none'", microphone: '()' });

/** Of a page that also shows and plays what models have made, and records what they are to hear. */
export const MEDIA_PAGE_HEADERS = headersWith({ images: "'self' data: blob:", media: 'blob:', microphone: '(self)' });

function headersWith({ images, media, microphone }: PolicyParts) {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "worker-src 'self'",
      "style-src 'self'",
      `img-src ${images}`,
      `media-src ${media}`,
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'permissions-policy': `camera=(), microphone=${microphone}, geolocation=()`,
  } as const;
}
