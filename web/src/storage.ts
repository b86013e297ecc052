// GraphiQL keeps its state in a Storage. What a person types here are passwords
// and refresh tokens (they are in the variables) and access tokens (in the
// headers), so only the look of the page is kept across visits. Tabs, variables,
// headers and the history live as long as the page does, and every visit starts
// with the example tabs.
const KEPT = new Set([
  'graphiql:theme',
  'graphiql:visiblePlugin',
  'graphiql:docExplorerFlex',
  'graphiql:editorFlex',
  'graphiql:secondaryEditorFlex',
]);

// An own prefix: another GraphiQL that was once served from the same origin
// shares nothing with this page.
const PREFIX = 'vestibule-playground/';

function browserStorage(): Storage | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null; // storage is blocked by the browser's settings
  }
}

export interface PlaygroundStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  clear(): void;
  readonly length: number;
}

export function createStorage(kept: Storage | null = browserStorage()): PlaygroundStorage {
  const memory = new Map<string, string>();
  return {
    getItem(key) {
      return KEPT.has(key) ? (kept?.getItem(PREFIX + key) ?? null) : (memory.get(key) ?? null);
    },
    setItem(key, value) {
      if (KEPT.has(key)) kept?.setItem(PREFIX + key, value);
      else memory.set(key, value);
    },
    removeItem(key) {
      if (KEPT.has(key)) kept?.removeItem(PREFIX + key);
      else memory.delete(key);
    },
    clear() {
      memory.clear();
      for (const key of KEPT) kept?.removeItem(PREFIX + key);
    },
    get length() {
      return memory.size;
    },
  };
}
