import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect } from 'react';
import { fetcher } from './fetcher';
import { createStorage } from './storage';
import { tabs } from './tabs';

const storage = createStorage();

export function App() {
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={tabs}
      // GraphiQL fills the first tab's query from defaultTabs, not its variables.
      initialVariables={tabs[0].variables ?? ''}
      defaultEditorToolsVisibility="headers"
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>
        <span className="playground-title">Vestibule playground</span>
      </GraphiQL.Logo>
      <FollowSystemTheme />
    </GraphiQL>
  );
}

/**
 * The page's colours follow the system by a media query; the editors' colours
 * are set once. Set them again when the system changes its mind, unless the
 * person chose a theme in the settings.
 */
function FollowSystemTheme() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme !== null) return;
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(null);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}
