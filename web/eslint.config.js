import js from '@eslint/js'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['**/dist/**'] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    files: ['**/*.tsx'],
    ...a11y.flatConfigs.strict,
  },
  {
    files: ['**/*.tsx'],
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
    },
  },
  {
    rules: {
      // Text of strangers is shown, never interpreted: no way around the virtual DOM (promise B09).
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Customers write these texts: render them as text.' },
        { property: 'outerHTML', message: 'Customers write these texts: render them as text.' },
        { property: 'insertAdjacentHTML', message: 'Customers write these texts: render them as text.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
          message: 'Customers write these texts: render them as text.',
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
)
