import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../theme/theme.css';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');
createRoot(root).render(
  <StrictMode>
    <main>
      <h1>Sparewatt</h1>
    </main>
  </StrictMode>,
);
