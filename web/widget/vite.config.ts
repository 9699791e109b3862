import { defineConfig } from 'vite'

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // Library builds keep their white space unless told otherwise.
    rolldownOptions: { output: { minify: true } },
    lib: { entry: 'src/element.tsx', formats: ['es'], fileName: () => 'answerable.js' },
  },
})
