// The preload script: a single file, because in Chromium's sandbox `require` finds nothing but electron.
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
