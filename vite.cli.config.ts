// The command line: a single self-contained file for Node 16 and newer. It runs without
// node_modules; in the package, on Electron's Node.
import { defineConfig } from 'vite'

export default defineConfig({
  build: {
    lib: false, ssr: true, target: 'node16', outDir: '.vite/build', emptyOutDir: false, minify: false, sourcemap: true,
    rollupOptions: { input: { hamlet: 'src/services/cli/main.ts' }, output: { format: 'cjs', strict: true, entryFileNames: '[name].cjs', codeSplitting: false } },
  },
  ssr: { noExternal: true },
})
