import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../theme/theme.css';
import './join.css';
import { keepFocus } from '../fields/keep-focus.ts';
import { codeOfFragment } from './invitation.ts';
import { JoinPage } from './join-page.tsx';
import { startNodeClient } from './node-client.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');

const firstCode = codeOfFragment(location.hash);
// A code that stands in the address bar would be read over a shoulder, or kept in the history.
if (location.hash !== '') history.replaceState(null, '', location.pathname);

const canBeNode = isSecureContext && 'locks' in navigator && 'caches' in globalThis && 'subtle' in crypto;
const client = canBeNode ? startNodeClient(location.origin) : undefined;

keepFocus();
createRoot(root).render(
  <StrictMode>
    <JoinPage client={client} firstCode={firstCode} />
  </StrictMode>,
);
