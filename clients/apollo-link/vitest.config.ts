import { defineConfig } from 'vitest/config';

/** Examples import the package by its name. */
const resolve = { alias: { '@vestibule/apollo-link': new URL('./src/index.ts', import.meta.url).pathname } };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 5_000 } },
      // Many operations at once want the machine for themselves.
      { test: { name: 'storm', include: ['test/service/storm.test.ts'], sequence: { groupOrder: 1 } } },
      {
        resolve,
        test: {
          name: 'service',
          include: ['test/service/**/*.test.ts'],
          exclude: ['test/service/storm.test.ts'],
          testTimeout: 45_000,
          // They mostly wait for tokens to expire.
          maxConcurrency: 6,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
