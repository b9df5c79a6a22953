import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

const server = process.env.PICKUP_URL ?? 'http://127.0.0.1:8080';

// Two entries: the console (index.html) and the player's page (call.html).
export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { console: 'index.html', call: 'call.html' },
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/w': server,
      '/healthz': server,
      '/sip': { target: server, ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.ts'],
  },
});
