import './account/link-token';
import './styles/index.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { loadConfig } from './api/config';
import { look } from './api/session';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
void look();
void loadConfig();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
