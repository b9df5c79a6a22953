import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The widget: one script with a name of its own, for pages of the operator.
export default defineConfig({
  plugins: [svelte({ compilerOptions: { runes: true, discloseVersion: false } })],
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  publicDir: false,
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: false,
    cssCodeSplit: false,
    lib: { entry: 'src/widget/main.ts', formats: ['iife'], name: 'PickupWidget', fileName: () => 'widget.js' },
  },
});
