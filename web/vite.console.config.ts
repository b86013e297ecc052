import { defineConfig } from 'vite';

const link = decodeURIComponent(new URL('../clients/apollo-link/src/index.ts', import.meta.url).pathname);

export default defineConfig({
  root: 'src/console',
  // The server answers GET /console and the addresses of its pages with index.html, and
  // GET /console/assets/<name> with the files beside it.
  base: '/console/',
  publicDir: false,
  resolve: {
    // The package beside, as it is now, with the libraries of this project alone.
    alias: { '@vestibule/apollo-link': link },
    dedupe: ['@apollo/client', 'graphql', 'graphql-ws', 'rxjs'],
  },
  build: {
    outDir: '../../dist-console',
    emptyOutDir: true,
    // No data: URIs: the Content-Security-Policy allows none.
    assetsInlineLimit: 0,
    // Every browser that has light-dark() in its style sheets.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    license: { fileName: 'third-party-licenses.md' },
    reportCompressedSize: false,
    // sizes.mjs looks at what is loaded first, compressed.
    chunkSizeWarningLimit: 1000,
    // The names of all chunks, for the check of their sizes.
    manifest: 'manifest.json',
    // Without it Vite puts a script before chunks that has to load others first.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onLog(level, log, defaultHandler) {
        // "use client" in a dependency says nothing to a page without a server half.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') defaultHandler(level, log);
      },
    },
  },
});
