// GraphiQL's own style.css holds its web fonts and the icon font as data: URIs
// (some 600 kB). These are the same rules without them: the fonts are the
// system's, and Monaco brings its icon font as a file.
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './playground.css';
