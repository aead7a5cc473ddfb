// The preload script runs in Chromium's sandbox, where require knows electron and nothing else: one file.
import { defineConfig } from 'vite'

export default defineConfig({
  build: {
    lib: false, ssr: true, target: 'node16', outDir: '.vite/build', emptyOutDir: false, minify: false, sourcemap: true,
    rollupOptions: {
      input: { preload: 'src/preload/preload.ts' },
      external: ['electron'],
      output: { format: 'cjs', strict: true, entryFileNames: '[name].cjs', codeSplitting: false },
    },
  },
  ssr: { noExternal: true },
})
