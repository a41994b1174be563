import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.PluginInfo;

/** One node in one process, its modules and plugins on the class path: {@code SearchNode HOME setting=value ... plugin-class ...} */
public final class SearchNode extends Node {
    private static final List<Class<? extends Plugin>> MODULES = List.of(
            org.opensearch.transport.Netty4ModulePlugin.class,
            org.opensearch.index.reindex.ReindexModulePlugin.class,
            org.opensearch.painless.PainlessModulePlugin.class,
            org.opensearch.analysis.common.CommonAnalysisModulePlugin.class,
            org.opensearch.join.ParentJoinModulePlugin.class,
            org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin.class,
            org.opensearch.index.mapper.MapperExtrasModulePlugin.class,
            org.opensearch.percolator.PercolatorModulePlugin.class,
            org.opensearch.ingest.common.IngestCommonModulePlugin.class,
            org.opensearch.geo.GeoModulePlugin.class);

    private SearchNode(Path home, Settings settings, List<Class<? extends Plugin>> plugins) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home.resolve("config"), () -> "node"),
                plugins.stream().map(SearchNode::described).toList(), true);
    }

    private static PluginInfo described(Class<? extends Plugin> plugin) {
        String name = plugin.getName();
        return new PluginInfo(name, name, "NA", Version.CURRENT, "21", name, null, List.of(), false);
    }

    public static void main(String[] arguments) throws Exception {
        Settings.Builder settings = Settings.builder();
        List<Class<? extends Plugin>> plugins = new ArrayList<>(MODULES);
        for (String argument : Arrays.asList(arguments).subList(1, arguments.length)) {
            int equals = argument.indexOf('=');
            if (equals > 0) {
                settings.put(argument.substring(0, equals), argument.substring(equals + 1));
            } else {
                plugins.add(Class.forName(argument).asSubclass(Plugin.class));
            }
        }
        SearchNode node = new SearchNode(Path.of(arguments[0]), settings.build(), plugins);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception error) {
                error.printStackTrace();
            } finally {
                closed.countDown();
            }
        }));
        node.start();
        closed.await();
    }
}
