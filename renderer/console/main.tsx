import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../theme/theme.css';
import 'uplot/dist/uPlot.min.css';
import './styles/cards.css';
import './styles/forms.css';
import './styles/charts.css';
import './styles/frame.css';
import './styles/tables.css';
import './styles/table-cards.css';
import './playground/playground.css';
import { keepFocus } from '../fields/keep-focus.ts';
import { createApi } from './api.ts';
import { ConsolePage } from './console-page.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');

keepFocus();
createRoot(root).render(
  <StrictMode>
    <ConsolePage api={createApi()} />
  </StrictMode>,
);
