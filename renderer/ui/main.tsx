import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../theme/theme.css';
import './ui.css';
import { keepFocus } from '../fields/keep-focus.ts';
import { App } from './app.tsx';
import { startStateStore } from './bridge.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');

keepFocus();
createRoot(root).render(
  <StrictMode>
    <App store={startStateStore()} />
  </StrictMode>,
);
