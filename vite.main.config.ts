// The main process and the entry point of every utility process. Code that both use goes into a shared chunk.
import { defineConfig } from 'vite'

export default defineConfig({
  build: {
    lib: false, ssr: true, target: 'node16', outDir: '.vite/build', emptyOutDir: false, minify: false, sourcemap: true,
    rollupOptions: {
      input: { main: 'src/main/main.ts', 'utility-host': 'src/main/utility-host.ts' },
      external: ['electron'],
      output: { format: 'cjs', strict: true, entryFileNames: '[name].cjs', chunkFileNames: 'shared-[name].cjs' },
    },
  },
  ssr: { noExternal: true },
})
