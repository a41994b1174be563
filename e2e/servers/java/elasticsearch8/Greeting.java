import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;

import org.elasticsearch.Build;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.IndexVersion;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What the server says of itself at {@code /}, as the whole distribution does. There that is a module of its own
 * ({@code rest-root}), which is neither on Central nor in the distribution for integration tests: without it the server
 * answers 405, and who asks first whom he speaks to takes it for a stranger.
 */
public final class Greeting extends Plugin implements ActionPlugin {
    /** The action of the whole distribution: privileges name it. */
    private static final ActionType<Told> TELL = new ActionType<>("cluster:monitor/main");

    @Override
    public Collection<ActionHandler<? extends ActionRequest, ? extends ActionResponse>> getActions() {
        return List.of(new ActionHandler<>(TELL, Tell.class));
    }

    @Override
    public Collection<RestHandler> getRestHandlers(Settings settings, NamedWriteableRegistry named,
            RestController controller, ClusterSettings cluster, IndexScopedSettings scoped, SettingsFilter filter,
            IndexNameExpressionResolver names, Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
        return List.of(new Root());
    }

    private static final class Root extends BaseRestHandler {
        @Override
        public String getName() {
            return "greeting";
        }

        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            return channel -> client.execute(TELL, new Asked(), new RestBuilderListener<>(channel) {
                @Override
                public RestResponse buildResponse(Told told, XContentBuilder text) throws IOException {
                    told.write(text.prettyPrint());
                    return new RestResponse(RestStatus.OK, text);
                }
            });
        }
    }

    private static final class Asked extends ActionRequest {
        @Override
        public ActionRequestValidationException validate() {
            return null;
        }
    }

    private static final class Told extends ActionResponse {
        private final String node;
        private final String cluster;
        private final String uuid;

        Told(ClusterService service) {
            node = service.getNodeName();
            cluster = service.getClusterName().value();
            uuid = service.state().metadata().clusterUUID();
        }

        void write(XContentBuilder text) throws IOException {
            Build build = Build.current();
            text.startObject();
            text.field("name", node);
            text.field("cluster_name", cluster);
            text.field("cluster_uuid", uuid);
            text.startObject("version");
            text.field("number", build.qualifiedVersion());
            text.field("build_flavor", build.flavor());
            text.field("build_type", build.type().displayName());
            text.field("build_hash", build.hash());
            text.field("build_date", build.date());
            text.field("build_snapshot", build.isSnapshot());
            text.field("lucene_version", IndexVersion.current().luceneVersion().toString());
            text.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
            text.field("minimum_index_compatibility_version", build.minIndexCompatVersion());
            text.endObject();
            text.field("tagline", "You Know, for Search");
            text.endObject();
        }

        @Override
        public void writeTo(StreamOutput out) {
            TransportAction.localOnly();
        }
    }

    /** Its filters are where the server asks whether somebody may do this. */
    public static final class Tell extends TransportAction<Asked, Told> {
        private final ClusterService service;

        @Inject
        public Tell(TransportService transport, ActionFilters filters, ClusterService service) {
            super(TELL.name(), filters, transport.getTaskManager(), EsExecutors.DIRECT_EXECUTOR_SERVICE);
            this.service = service;
        }

        @Override
        protected void doExecute(Task task, Asked asked, ActionListener<Told> listener) {
            listener.onResponse(new Told(service));
        }
    }
}
