import { defineConfig } from 'vite';

export default defineConfig({
  // The server answers GET /graphql with index.html and GET /playground/<path>
  // with every other file of dist/.
  base: '/playground/',
  publicDir: false,
  worker: {
    // One file for each worker, with nothing to load later: a worker is under the
    // policy of its own response, which may then be default-src 'none'.
    format: 'iife',
  },
  build: {
    // No data: URIs for files of ours: fonts and icons stay same-origin files,
    // so that the Content-Security-Policy can say font-src 'self'.
    assetsInlineLimit: 0,
    // The licences of everything that ends up in the bundle, beside it.
    license: { fileName: 'third-party-licenses.md' },
    reportCompressedSize: false,
    // Monaco is one large lazily loaded chunk; that is known and wanted.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      onLog(level, log, defaultHandler) {
        // "use client" in a dependency says nothing to a page without a server half.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') defaultHandler(level, log);
      },
    },
  },
});
